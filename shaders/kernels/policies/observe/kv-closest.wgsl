// nearest[kv head][index] = of each slot that goes (mark 0) the bits of the index of the one that stays and is the nearest to it in their order, of equally
// near ones the one before, as kv-alike.wgsl has it of keys that are the same: with 1, or with -2 where none stays. A thread takes a slot.
struct Params {
  fresh : u32, // fresh slots that take part, behind those of the set
  most : u32,  // slots of a head that there is room for by index
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(1) var<storage, read_write> nearest : array<vec2<f32>>; // (kv head, index)
@group(0) @binding(2) var<storage, read> marks : array<u32>;               // (kv head, index)
@group(0) @binding(3) var<storage, read> lists : array<u32>;               // as where/list.wgsl has them

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id : vec3<u32>) {
  let slots = lists[2u * id.y + 1u] + params.fresh;
  let at = id.y * params.most;
  if (id.x >= slots || marks[at + id.x] != 0u) {
    return;
  }
  var found = vec2<f32>(-2.0, 0.0);
  for (var far = 1u; far < slots; far++) {
    let before = far <= id.x && marks[at + id.x - min(far, id.x)] != 0u;
    let behind = id.x + far < slots && marks[at + min(id.x + far, slots - 1u)] != 0u;
    if (before || behind) {
      found = vec2<f32>(1.0, bitcast<f32>(select(id.x + far, id.x - far, before)));
      break;
    }
  }
  nearest[at + id.x] = found;
}
