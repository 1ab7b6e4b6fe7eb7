"""Checkpoints: written whole, verified, without pickle; one adapter per framework."""
