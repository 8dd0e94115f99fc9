// A slot counts as many tokens as it stands for.
fn weight_of(cosine : f32, place : Place) -> f32 {
  return tokens_of(place);
}

fn own_weight(place : Place) -> f32 {
  return tokens_of(place);
}
