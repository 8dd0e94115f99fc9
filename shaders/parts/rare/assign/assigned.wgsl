// Choices of one expert, as `choice_at` has them: so many from a first one on.
struct Assigned {
  expert : u32,
  first : u32,
  count : u32,
}
