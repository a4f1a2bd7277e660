// ONNX Runtime's own start, but for a module that is compiled already: it is compiled once, while it comes, and every
// worker runs the same code. ONNX Runtime imports this file where it would import its own.
import start from "../vendor/ort/ort-wasm-simd-threaded.mjs";

let compiled;

// Let ONNX Runtime start from this WebAssembly.Module.
export function startFrom(module) {
  compiled = module;
}

export default (options) => start({ ...options, instantiateWasm: (imports, done) => done(new WebAssembly.Instance(compiled, imports), compiled) });
