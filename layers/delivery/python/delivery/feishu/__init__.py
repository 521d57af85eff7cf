"""Ways of reaching Feishu: each turns an attempt and a channel into an outcome."""
