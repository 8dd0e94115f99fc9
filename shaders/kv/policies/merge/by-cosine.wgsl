// A slot counts by the exponential of its cosine (D2O, arXiv 2406.13035), whose planes say nothing of it.
fn tokens_of(place : Place) -> f32 {
  return 1.0;
}

fn weight_of(cosine : f32, place : Place) -> f32 {
  return exp(cosine);
}

fn own_weight(place : Place) -> f32 {
  return exp(1.0);
}
