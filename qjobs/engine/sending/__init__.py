"""The submit protocol: from the intent of a job to the provider's answer."""
