"""Backend and sampler objects of this very process."""
