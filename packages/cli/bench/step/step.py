"""The step of ../dreambooth.ts or ../lora.ts in PyTorch, diffusers and PEFT, as fast as it goes on a CPU without compiling.

Reads one request a line, {"steps": N}; answers with the milliseconds of every step and the memory of this process.
"""
import json
import os
import resource
import sys
import time

import torch
from diffusers import UNet2DConditionModel


def main():
    settings = json.loads(sys.argv[1])
    torch.set_num_threads(settings["threads"])
    unet = UNet2DConditionModel.from_pretrained(settings["model"], subfolder="unet")
    unet = unet.to(memory_format=torch.channels_last).train()
    name = f"PyTorch {torch.__version__}"
    if "rank" in settings:
        import peft

        rank = settings["rank"]
        unet.requires_grad_(False)
        targets = ["to_k", "to_q", "to_v", "to_out.0"]
        unet.add_adapter(peft.LoraConfig(r=rank, lora_alpha=rank, init_lora_weights="gaussian", target_modules=targets))
        name += f", PEFT {peft.__version__}"
    trained = [p for p in unet.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=settings["learningRate"], weight_decay=1e-2, fused=True)
    rows, tokens, config = settings["rows"], settings["tokens"], unet.config
    height, width, channels = settings["latentShape"]
    noisy, target = (torch.randn(rows, channels, height, width).to(memory_format=torch.channels_last) for _ in range(2))
    hidden_states = torch.randn(rows, tokens, config.cross_attention_dim)

    def step(index):
        timesteps = (torch.arange(rows) * 100 + index) % 1000
        prediction = unet(noisy, timesteps, hidden_states).sample
        parts = 2 if settings["withPrior"] else 1
        mse = torch.nn.functional.mse_loss
        loss = sum(mse(*part) for part in zip(prediction.chunk(parts), target.chunk(parts)))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    print(json.dumps({"name": name, "parameters": sum(p.numel() for p in trained)}), flush=True)
    for line in sys.stdin:
        milliseconds = []
        for index in range(json.loads(line)["steps"]):
            start = time.perf_counter()
            step(index)
            milliseconds.append((time.perf_counter() - start) * 1e3)
        unit = 1 if sys.platform == "darwin" else 1024
        print(json.dumps({"milliseconds": milliseconds, "peakRssBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}), flush=True)


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main()
