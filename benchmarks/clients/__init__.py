"""The clients that are measured: a module each, a function for each thing that they are asked to do."""
