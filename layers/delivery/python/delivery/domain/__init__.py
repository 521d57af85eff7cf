"""Pure decisions: the contract, the states, what an outcome means. Imports no SQL, no AWS, no HTTP."""
