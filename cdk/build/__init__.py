"""What a synthesis is built with: layers, wheels and Node."""
