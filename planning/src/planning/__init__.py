"""What a deployment costs and how it scales, on paper: nothing is asked of AWS but by `--actual`."""
