"""The live path over AMI: one adapter around panoramisk, queue and agent events."""
