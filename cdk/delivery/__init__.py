"""The stack that delivers: a construct for each stage of a notification's way."""
