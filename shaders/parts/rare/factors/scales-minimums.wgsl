// Codes from 0 up, a scale and a minimum, which is subtracted, for the first and for the last 16.
const OneScale = false;
const HasMinimum = true;

fn factors_of(row : Row, group : u32) -> vec4<f32> {
  return scales_minimums(row, group);
}
