// The input of a matvec joined from the splits that attention of one position has left (attention-decode.wgsl), in place of a dispatch that joins them
// (attention-reduce.wgsl): `input` is (split, head, HeadVec4s + 1): sums, then (max, total, last split), over fresh slots alone. Every workgroup joins all heads again, so
// there are at most `MostSplits`.
const Ahead = 4u; // reads of a thread that are under way at a time

var<workgroup> shares : array<f32, Heads * MostSplits>; // (head, split): what the sums of a split count; 0 of one that there is not
var<private> last_split : u32;

// Each thread makes the shares of some heads.
fn make_input(local : u32) {
  last_split = min(u32(input[HeadVec4s].z), MostSplits - 1u);
  for (var head = local; head < Heads; head += RowsEach * Splits) {
    var largest = -1e30;
    for (var s = 0u; s <= last_split; s++) {
      largest = max(largest, input[(s * Heads + head) * (HeadVec4s + 1u) + HeadVec4s].x);
    }
    var total = 0.0;
    for (var s = 0u; s < MostSplits; s++) {
      let split = input[(min(s, last_split) * Heads + head) * (HeadVec4s + 1u) + HeadVec4s];
      let share = select(0.0, exp(split.x - largest), s <= last_split);
      total += share * split.y;
      shares[head * MostSplits + s] = share;
    }
    for (var s = 0u; s < MostSplits; s++) {
      shares[head * MostSplits + s] /= total;
    }
  }
  workgroupBarrier();
}

// 4 numbers of a head; zeros behind the last one.
fn input4(at : u32) -> vec4<f32> {
  let head = min(at / HeadVec4s, Heads - 1u);
  var sum = vec4<f32>();
  for (var s = 0u; s <= last_split; s += Ahead) {
    var parts : array<vec4<f32>, Ahead>;
    for (var i = 0u; i < Ahead; i++) {
      parts[i] = input[(min(s + i, last_split) * Heads + head) * (HeadVec4s + 1u) + at % HeadVec4s];
    }
    for (var i = 0u; i < Ahead; i++) {
      sum += shares[head * MostSplits + s + i] * parts[i];
    }
  }
  return select(vec4<f32>(), sum, at < Heads * HeadVec4s);
}
