"""Many runs of one function: grids of parameters, each variant in a process of its own."""
