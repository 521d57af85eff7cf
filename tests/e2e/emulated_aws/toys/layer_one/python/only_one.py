ONLY = "one"
