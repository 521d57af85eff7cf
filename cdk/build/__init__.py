"""What a synthesis and a deployment are built with: layers, wheels, Node and the command line."""
