// Experts whose rows are those of one matrix, one expert after the other, of which some panels are in the binding.
fn is_here(expert : u32, panel : u32) -> bool {
  let at = expert * params.panels_each + panel;
  return at >= params.first_panel && at < params.end_panel;
}

// Of the expert's first panel, which may lie before the binding: panels that are here come out right, as u32 wraps.
fn first_word_of(expert : u32) -> u32 {
  return (expert * params.panels_each - params.first_panel) * params.panel_words;
}
