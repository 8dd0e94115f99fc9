// Copies `source` to `target`, 16 bytes per thread and turn: what the memory gives.
@group(0) @binding(0) var<storage, read> source : array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> target_words : array<vec4<u32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) thread : vec3<u32>, @builtin(num_workgroups) groups : vec3<u32>) {
  for (var i = thread.x; i < arrayLength(&source); i += groups.x * 64u) {
    target_words[i] = source[i];
  }
}
