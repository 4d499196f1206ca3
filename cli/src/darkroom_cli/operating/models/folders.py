"""The folders of the model bucket, as the guide names them: what `--type` takes."""

FOLDERS = (
    "Stable-diffusion",
    "Lora",
    "VAE",
    "VAE-approx",
    "ControlNet",
    "ESRGAN",
    "RealESRGAN",
    "SwinIR",
    "ScuNET",
    "LDSR",
    "GFPGAN",
    "Codeformer",
    "CLIP",
    "embeddings",
    "hypernetworks",
)
