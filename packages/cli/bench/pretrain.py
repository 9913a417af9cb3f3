"""The steps of pretrain.ts in PyTorch and diffusers, as fast as they go on a CPU without compiling.

Reads one request a line, {"steps": N}; answers with the milliseconds of every step and the memory of this process.
"""
import contextlib
import json
import os
import resource
import sys
import time

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel


def unet_loss(settings, network):
    rows, (height, width, channels) = settings["rows"], settings["latentShape"]
    noisy, target = (torch.randn(rows, channels, height, width).to(memory_format=torch.channels_last) for _ in range(2))
    states = torch.randn(rows, settings["tokens"], network.config.cross_attention_dim)
    timesteps = torch.arange(rows) * 13 % 1000
    return lambda: torch.nn.functional.mse_loss(network(noisy, timesteps, states).sample.float(), target)


def vae_loss(settings, network):
    rows, side = settings["rows"], settings["side"]
    pixels = torch.rand(rows, 3, side, side).mul(2).sub(1).to(memory_format=torch.channels_last)

    def loss():
        posterior = network.encode(pixels).latent_dist
        error = network.decode(posterior.sample()).sample.float() - pixels
        gradient = (error[..., 1:] - error[..., :-1]).abs().mean() + (error[..., 1:, :] - error[..., :-1, :]).abs().mean()
        return error.abs().mean() + gradient + 2 * error.square().mean() + 1e-3 * posterior.kl().mean() / posterior.mean[0].numel()

    return loss


def main():
    settings = json.loads(sys.argv[1])
    torch.set_num_threads(settings["threads"])
    kind, name = (UNet2DConditionModel, "unet") if settings["network"] == "unet" else (AutoencoderKL, "vae")
    network = kind.from_pretrained(settings["model"], subfolder=name).float().to(memory_format=torch.channels_last).train()
    parameters = list(network.parameters())
    averages = [parameter.detach().clone() for parameter in parameters]
    optimizer = torch.optim.AdamW(parameters, lr=1e-4, betas=(0.9, 0.99), weight_decay=1e-2, fused=True)
    loss_of = (unet_loss if name == "unet" else vae_loss)(settings, network)
    half = torch.autocast("cpu", torch.bfloat16) if settings["precision"] == "bf16" else contextlib.nullcontext()

    def step():
        with half:
            loss = loss_of()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        with torch.no_grad():
            torch._foreach_lerp_(averages, parameters, 1e-3)
        return loss.item()

    print(json.dumps({"name": f"PyTorch {torch.__version__}, {settings['precision']}"}), flush=True)
    for line in sys.stdin:
        milliseconds = []
        for _ in range(json.loads(line)["steps"]):
            start = time.perf_counter()
            step()
            milliseconds.append((time.perf_counter() - start) * 1e3)
        unit = 1 if sys.platform == "darwin" else 1024
        print(json.dumps({"milliseconds": milliseconds, "peakRssBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}), flush=True)


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main()
