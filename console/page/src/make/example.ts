/** The workflow that is there from the beginning: text to image, as in task_schema/examples/v1alpha2-pipeline.json. */
const WORKFLOW = {
  "3": {
    class_type: "KSampler",
    inputs: {
      seed: 156680208700286,
      steps: 20,
      cfg: 8,
      sampler_name: "euler",
      scheduler: "normal",
      denoise: 1,
      model: ["4", 0],
      positive: ["6", 0],
      negative: ["7", 0],
      latent_image: ["5", 0],
    },
    _meta: {
      title: "KSampler",
    },
  },
  "4": {
    class_type: "CheckpointLoaderSimple",
    inputs: {
      ckpt_name: "v1-5-pruned-emaonly.safetensors",
    },
    _meta: {
      title: "Load Checkpoint",
    },
  },
  "5": {
    class_type: "EmptyLatentImage",
    inputs: {
      width: 512,
      height: 512,
      batch_size: 1,
    },
    _meta: {
      title: "Empty Latent Image",
    },
  },
  "6": {
    class_type: "CLIPTextEncode",
    inputs: {
      text: "a red fox in the snow, golden hour, mountains in the distance",
      clip: ["4", 1],
    },
    _meta: {
      title: "Positive prompt",
    },
  },
  "7": {
    class_type: "CLIPTextEncode",
    inputs: {
      text: "text, watermark",
      clip: ["4", 1],
    },
    _meta: {
      title: "Negative prompt",
    },
  },
  "8": {
    class_type: "VAEDecode",
    inputs: {
      samples: ["3", 0],
      vae: ["4", 2],
    },
    _meta: {
      title: "VAE Decode",
    },
  },
  "9": {
    class_type: "SaveImage",
    inputs: {
      filename_prefix: "darkroom",
      images: ["8", 0],
    },
    _meta: {
      title: "Save Image",
    },
  },
};

export const EXAMPLE = JSON.stringify(WORKFLOW, null, 2);
