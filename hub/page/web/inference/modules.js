// What a worker imports, in one file once the page is built.
export * from "./load.js";
export * from "./network.js";
export * from "./picture.js";
export * from "../imaging/image.js";
export * from "../imaging/read.js";
