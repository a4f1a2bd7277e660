"""Chest X-ray pneumonia classifier: data, training, packaging, serving."""
