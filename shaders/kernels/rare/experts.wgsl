// output[choice][row] = dot(matrix of the choice's expert[row], input[choice / sharing]) (with its gate), for up to Tokens
// choices of one expert: a thread takes one matrix row of a panel and every Splits-th group of 32 columns. Where an expert's matrix
// lies, item/ says; what is not in the binding, another dispatch has.
struct Params {
  panel_words : u32,
  blocks : u32,     // per row
  groups : u32,     // of 32 columns, per row
  rows : u32,       // results
  slot_words : u32,
  first_word : u32, // of the matrix in a slot
  panels_each : u32, // of an expert, where those of all are one matrix; and of that the panels in the binding
  first_panel : u32,
  end_panel : u32,
  up_panels : u32,  // gated: panels from a gate row to its up row
  sharing : u32,     // choices that have one row of the input
  stride : u32,     // floats per row of the input
  output_stride : u32, // floats per choice
  bias : u32, // float index in `vectors`, of the first expert
  up_bias : u32,
}

override Gate : u32 = 0u;   // 0 none, 1 SiLU, 2 GELU (tanh), 3 ReLU, 4 clamped
override Before : u32 = 0u; // the same of what is in the output already, which then multiplies: gate and up of two types
override HasBias : bool = false;
override Lean : bool = false; // threads have few registers

const Four = vec4<u32>(0u, 1u, 2u, 3u);

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> vectors : array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> input : array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> output : array<f32>;

fn bias_of(first : u32, expert : u32, row : u32) -> f32 {
  if (!HasBias) {
    return 0.0;
  }
  let index = first + expert * params.rows + min(row, params.rows - 1u);
  return vectors[index / 4u][index % 4u];
}

// Where registers are few every other step is in a branch that is always taken, past which no compiler reads the input ahead.
fn input_product(w : ptr<function, Group>, start : u32) -> f32 {
  var sum = dot((*w)[0], input[start]);
  for (var i = 1u; i < 8u; i++) {
    if (!Lean || i % 2u == 0u || i < params.stride) {
      sum += dot((*w)[i], input[start + i]);
    }
  }
  return sum;
}

const RowsEach = PanelRows; // of a workgroup

@compute @workgroup_size(PanelRows * Splits)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let lane = local % PanelRows;
  let split = local / PanelRows;
  let mine = assigned_to(workgroup);
  if (mine.count == 0u || !is_here(mine.expert, workgroup.x)) {
    return;
  }
  let first_panel = first_word_of(mine.expert);
  let row = Row(first_panel + workgroup.x * params.panel_words, lane, params.blocks);
  let up_row = Row(first_panel + (workgroup.x + params.up_panels) * params.panel_words, lane, params.blocks);
  // Of choices 0 to 3 and 4 to 7; gated: the up matrix's.
  var low = vec4<f32>();
  var high = vec4<f32>();
  var up_low = vec4<f32>();
  var up_high = vec4<f32>();
  for (var group = split; group < params.groups; group += Splits) {
    var w : Group;
    var up : Group;
    group_load(row, group, &w);
    if (Gate != 0u) {
      group_load(up_row, group, &up);
    }
    for (var t = 0u; t < mine.count; t++) {
      let start = choice_at(mine.first + t) / params.sharing * (params.stride / 4u) + group * 8u;
      let place = vec4<u32>(t % 4u) == Four;
      let placed = select(vec4<f32>(), vec4<f32>(input_product(&w, start)), place);
      if (t < 4u) {
        low += placed;
      } else {
        high += placed;
      }
      if (Gate != 0u) {
        let up_placed = select(vec4<f32>(), vec4<f32>(input_product(&up, start)), place);
        if (t < 4u) {
          up_low += up_placed;
        } else {
          up_high += up_placed;
        }
      }
    }
  }
  let result = workgroup.x * PanelRows + lane;
  for (var t = 0u; t < mine.count; t++) {
    let sums = select(high, low, t < 4u);
    var value = split_sum(sums[t % 4u], lane, split) + bias_of(params.bias, mine.expert, result);
    if (Gate != 0u) {
      let up_sums = select(up_high, up_low, t < 4u);
      let up_value = split_sum(up_sums[t % 4u], lane, split) + bias_of(params.up_bias, mine.expert, result);
      value = gate_with(value, up_value, Gate);
    }
    if (split == 0u && result < params.rows) {
      let index = choice_at(mine.first + t) * params.output_stride + result;
      if (Before != 0u) {
        value = gate_with(output[index], value, Before);
      }
      output[index] = value;
    }
  }
}
