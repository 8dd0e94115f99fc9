// Which neurons are on: a bit each, of every choice of a row (without experts, of every row) and of any of them. Empties the sums of the step, which
// `neurons` adds to. A workgroup takes 32 neurons of an expert, of all choices.
struct Params {
  words : u32,  // of 32 neurons, of an expert
  stride : u32, // floats per choice of the input
  used : u32,   // choices of a row
  chosen_stride : u32, // words per row
  row_sums : u32, // vec4s per choice
}

override Gates : bool = false; // before their ReLU, else what it left

const WorkgroupSize : u32 = 64u;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> state : State;
@group(0) @binding(3) var<storage, read> input : array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> any_row : array<u32>;     // (experts, words)
@group(0) @binding(5) var<storage, read_write> sums : array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> on_bits : array<u32>; // (choices, words)

var<workgroup> found : array<u32, WorkgroupSize>;

@compute @workgroup_size(WorkgroupSize)
fn main(
  @builtin(workgroup_id) workgroup : vec3<u32>, @builtin(num_workgroups) workgroups : vec3<u32>, @builtin(local_invocation_index) local : u32,
) {
  let expert = workgroup.x / params.words;
  let first = workgroup.x % params.words;
  let choices = state.rows * params.used;
  var mine = 0u;
  for (var choice = local; choice < choices; choice += WorkgroupSize) {
    if (expert_of(choice) != expert) {
      continue;
    }
    let start = (choice * params.stride) / 4u + first * 8u;
    var bits = 0u;
    for (var i = 0u; i < 8u; i++) {
      let x = input[start + i];
      let is_on = select(x != vec4<f32>(), !(x <= vec4<f32>()), Gates); // what is no number is not hidden
      let on = vec4<u32>(1u, 2u, 4u, 8u) * vec4<u32>(is_on);
      bits |= (on.x | on.y | on.z | on.w) << (4u * i);
    }
    on_bits[choice * params.words + first] = bits;
    mine |= bits;
  }
  found[local] = mine;
  workgroupBarrier();
  if (local == 0u) {
    var all = 0u;
    for (var i = 0u; i < WorkgroupSize; i++) {
      all |= found[i];
    }
    any_row[workgroup.x] = all;
  }
  for (var i = workgroup.x * WorkgroupSize + local; i < choices * params.row_sums; i += workgroups.x * WorkgroupSize) {
    sums[i] = vec4<f32>();
  }
}
