"""How far the model market is off real chains, and the fit of its parameters to them."""
