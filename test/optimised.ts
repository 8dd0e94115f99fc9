// Imported by tests that run for longer than their kernels take to compile: lavapipe compiles for them with all of LLVM's passes (scripts/adapters.mjs).
delete process.env.GALLIVM_PERF; // before Mesa is loaded, which reads it once
