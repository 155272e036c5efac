"""The built-in chest-CT phantom with report texts."""
