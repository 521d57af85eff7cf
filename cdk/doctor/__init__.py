"""`make doctor`: checks an AWS account before and after a deployment of a stage, and says what to do."""
