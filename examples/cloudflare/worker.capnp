# The worker in workerd, the open-source runtime of Cloudflare's Workers: `npx workerd serve worker.capnp` after a build.

using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "assets", disk = (path = "dist/assets")),
  ],
  sockets = [(name = "http", address = "127.0.0.1:8787", http = (), service = "main")],
);

const worker :Workerd.Worker = (
  compatibilityDate = "2026-10-01",
  modules = [
    (name = "worker.mjs", esModule = embed "dist/worker.mjs"),
    (name = "kernels.wasm", wasm = embed "dist/kernels.wasm"),
  ],
  bindings = [(name = "ASSETS", service = "assets")],
);
