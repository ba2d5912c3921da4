"""The pages as plain values: each function makes one JSON object of facts and a scene."""
