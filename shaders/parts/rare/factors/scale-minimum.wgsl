// Codes from 0 up, a scale and a minimum, which is added, for all 32.
const OneScale = true;
const HasMinimum = true;

fn factors_of(row : Row, group : u32) -> vec4<f32> {
  let scale = scale_minimum(row, group);
  return vec4<f32>(scale.x, 0.0, -scale.y, -scale.y);
}
