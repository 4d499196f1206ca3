"""The node types that the sketch really runs."""

from local.sketch.comfyui import work
from local.sketch.comfyui.nodes import Context, NodeType, Spec

SAMPLERS = (
    "euler",
    "euler_ancestral",
    "heun",
    "dpm_2",
    "dpm_2_ancestral",
    "lms",
    "dpm_fast",
    "dpm_adaptive",
    "dpmpp_2s_ancestral",
    "dpmpp_sde",
    "dpmpp_2m",
    "dpmpp_2m_sde",
    "dpmpp_3m_sde",
    "ddpm",
    "lcm",
    "ddim",
    "uni_pc",
)
SCHEDULERS = ("normal", "karras", "exponential", "sgm_uniform", "simple", "ddim_uniform", "beta")
UPSCALE_METHODS = ("nearest-exact", "bilinear", "area", "bicubic", "lanczos")
MAX_SIDE = 16384


def _side(default: int, low: int, step: int) -> Spec:
    return ("INT", {"default": default, "min": low, "max": MAX_SIDE, "step": step})


def _checkpoints(context: Context) -> list[str]:
    return list(context.settings.models)


_PREFIX: Spec = ("STRING", {"default": "ComfyUI", "tooltip": "The prefix for the file to save."})
_IMAGES: Spec = ("IMAGE", {"tooltip": "The images to save."})
_FPS: Spec = ("FLOAT", {"default": 6.0, "min": 0.01, "max": 1000.0, "step": 0.01})
_HIDDEN = {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"}

NODE_TYPES = {
    node.name: node
    for node in (
        NodeType(
            "CheckpointLoaderSimple",
            "Load Checkpoint",
            "loaders",
            {"ckpt_name": (_checkpoints, {"tooltip": "The name of the checkpoint (model) to load."})},
            ("MODEL", "CLIP", "VAE"),
            work.load_checkpoint,
        ),
        NodeType(
            "CLIPTextEncode",
            "CLIP Text Encode (Prompt)",
            "conditioning",
            {"text": ("STRING", {"multiline": True, "dynamicPrompts": True}), "clip": ("CLIP", {})},
            ("CONDITIONING",),
            work.encode_text,
        ),
        NodeType(
            "EmptyLatentImage",
            "Empty Latent Image",
            "latent",
            {
                "width": _side(512, 16, 8),
                "height": _side(512, 16, 8),
                "batch_size": ("INT", {"default": 1, "min": 1, "max": 4096}),
            },
            ("LATENT",),
            work.empty_latent,
        ),
        NodeType(
            "KSampler",
            "KSampler",
            "sampling",
            {
                "model": ("MODEL", {}),
                "seed": ("INT", {"default": 0, "min": 0, "max": 2**64 - 1, "control_after_generate": True}),
                "steps": ("INT", {"default": 20, "min": 1, "max": 10000}),
                "cfg": ("FLOAT", {"default": 8.0, "min": 0.0, "max": 100.0, "step": 0.1, "round": 0.01}),
                "sampler_name": (SAMPLERS, {}),
                "scheduler": (SCHEDULERS, {}),
                "positive": ("CONDITIONING", {}),
                "negative": ("CONDITIONING", {}),
                "latent_image": ("LATENT", {}),
                "denoise": ("FLOAT", {"default": 1.0, "min": 0.0, "max": 1.0, "step": 0.01}),
            },
            ("LATENT",),
            work.ksampler,
        ),
        NodeType(
            "VAEDecode",
            "VAE Decode",
            "latent",
            {
                "samples": ("LATENT", {"tooltip": "The latent to be decoded."}),
                "vae": ("VAE", {"tooltip": "The VAE model used for decoding the latent."}),
            },
            ("IMAGE",),
            work.decode_latent,
        ),
        NodeType(
            "VAEEncode",
            "VAE Encode",
            "latent",
            {"pixels": ("IMAGE", {}), "vae": ("VAE", {})},
            ("LATENT",),
            work.encode_latent,
        ),
        NodeType(
            "LoadImage",
            "Load Image",
            "image",
            {"image": (lambda context: context.files.list_inputs(), {"image_upload": True})},
            ("IMAGE", "MASK"),
            work.load_image,
            check=work.check_image,
            checked=frozenset({"image"}),
            fingerprint=work.image_fingerprint,
        ),
        NodeType(
            "EmptyImage",
            "EmptyImage",
            "image",
            {
                "width": _side(512, 1, 1),
                "height": _side(512, 1, 1),
                "batch_size": ("INT", {"default": 1, "min": 1, "max": 4096}),
                "color": ("INT", {"default": 0, "min": 0, "max": 0xFFFFFF, "step": 1, "display": "color"}),
            },
            ("IMAGE",),
            work.empty_image,
        ),
        NodeType("ImageInvert", "Invert Image", "image", {"image": ("IMAGE", {})}, ("IMAGE",), work.invert),
        NodeType(
            "ImageScale",
            "Upscale Image",
            "image/upscaling",
            {
                "image": ("IMAGE", {}),
                "upscale_method": (UPSCALE_METHODS, {}),
                "width": _side(512, 0, 1),
                "height": _side(512, 0, 1),
                "crop": (("disabled", "center"), {}),
            },
            ("IMAGE",),
            work.scale,
        ),
        NodeType(
            "ImageScaleBy",
            "Upscale Image By",
            "image/upscaling",
            {
                "image": ("IMAGE", {}),
                "upscale_method": (UPSCALE_METHODS, {}),
                "scale_by": ("FLOAT", {"default": 1.0, "min": 0.01, "max": 8.0, "step": 0.01}),
            },
            ("IMAGE",),
            work.scale_by,
        ),
        NodeType(
            "SaveImage",
            "Save Image",
            "image",
            {"images": _IMAGES, "filename_prefix": _PREFIX},
            (),
            work.save_image,
            is_output=True,
            hidden=_HIDDEN,
        ),
        NodeType(
            "PreviewImage",
            "Preview Image",
            "image",
            {"images": ("IMAGE", {})},
            (),
            work.preview_image,
            is_output=True,
            hidden=_HIDDEN,
        ),
        NodeType(
            "SaveAnimatedWEBP",
            "SaveAnimatedWEBP",
            "image/animation",
            {
                "images": ("IMAGE", {}),
                "filename_prefix": _PREFIX,
                "fps": _FPS,
                "lossless": ("BOOLEAN", {"default": True}),
                "quality": ("INT", {"default": 80, "min": 0, "max": 100}),
                "method": (("default", "fastest", "slowest"), {}),
            },
            (),
            work.save_animated_webp,
            is_output=True,
            hidden=_HIDDEN,
        ),
        NodeType(
            "SaveAnimatedPNG",
            "SaveAnimatedPNG",
            "image/animation",
            {
                "images": ("IMAGE", {}),
                "filename_prefix": _PREFIX,
                "fps": _FPS,
                "compress_level": ("INT", {"default": 4, "min": 0, "max": 9}),
            },
            (),
            work.save_animated_png,
            is_output=True,
            hidden=_HIDDEN,
        ),
        NodeType(
            "PreviewAny", "Preview Any", "utils", {"source": ("*", {})}, (), work.preview_any, is_output=True
        ),
    )
}
