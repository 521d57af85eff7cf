"""The ways of reaching Feishu: each sends an attempt over a channel and says how that ended."""
