# Makes compute pipelines with wgpu-native, whose shader compiler (naga) is Firefox's, on the first Vulkan adapter. Reads kernels
# from standard input, a JSON object a line, and answers each with a line. naga may end the process; naga.mjs then goes on.
import json
import sys

import wgpu
from wgpu.backends import wgpu_native

LIMITS = ("max-compute-workgroup-storage-size", "max-compute-invocations-per-workgroup", "max-compute-workgroup-size-x")
FEATURES = {"enable f16;": "shader-f16", "enable subgroups;": "subgroup"}


def say(**answer):
    print(json.dumps(answer), flush=True)


def open_device():
    adapters = [each for each in wgpu.gpu.enumerate_adapters_sync() if each.info["backend_type"] == "Vulkan"]
    if not adapters:
        raise RuntimeError("wgpu-native finds no Vulkan adapter")
    features = [name for name in FEATURES.values() if name in adapters[0].features]
    limits = {name: adapters[0].limits[name] for name in LIMITS}
    return adapters[0].request_device_sync(required_features=features, required_limits=limits)


def known(device, directive, feature):
    """Whether naga knows a directive, which features alone do not tell, and the device can do it."""
    if feature not in device.features:
        return False
    try:
        device.create_shader_module(code=directive + "\n@compute @workgroup_size(1) fn main() {}")
        return True
    except wgpu.GPUError:
        return False


def make_pipeline(device, modules, kernel):
    code = kernel["code"]
    if code not in modules:
        modules[code] = device.create_shader_module(code=code)
    entries = [{"binding": binding, "visibility": wgpu.ShaderStage.COMPUTE, "buffer": {"type": type}} for binding, type in kernel["bindings"]]
    layout = device.create_pipeline_layout(bind_group_layouts=[device.create_bind_group_layout(entries=entries)])
    device.create_compute_pipeline(layout=layout, compute={"module": modules[code], "entry_point": "main", "constants": kernel["constants"]})


def main():
    device = open_device()
    say(version=".".join(map(str, wgpu_native.lib_version_info[:3])), adapter=device.adapter.info["device"])
    lacking = [directive for directive, feature in FEATURES.items() if not known(device, directive, feature)]
    modules = {}
    for line in sys.stdin:
        kernel = json.loads(line)
        missing = [directive for directive in lacking if directive in kernel["code"]]
        if missing:
            say(skipped=f"no `{missing[0]}` there")
            continue
        try:
            make_pipeline(device, modules, kernel)
            say()
        except wgpu.GPUError as error:
            say(error=str(error))


main()
