"""How the command line gets in: the API's client, and the tokens or signatures that its requests carry."""
