"""The command line behind `make deploy`: what is deployed, what is refused, and in how many rounds it goes."""
