"""`make rehearse`: deploys a stage into an AWS account on this machine, and keeps it up to be looked at."""
