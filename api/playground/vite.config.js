import { brotliCompressSync, gzipSync } from 'node:zlib';
import { defineConfig } from 'vite';

// Beside each file what a browser would rather have, made once here instead of for each request.
const compressed = {
  name: 'compressed',
  generateBundle: {
    order: 'post',
    handler(_, bundle) {
      for (const { fileName, code, source } of Object.values(bundle)) {
        const bytes = Buffer.from(code ?? source);
        for (const [ending, compress] of [['br', brotliCompressSync], ['gz', gzipSync]]) {
          const smaller = compress(bytes);
          if (smaller.length < 0.9 * bytes.length) {
            this.emitFile({ type: 'asset', fileName: `${fileName}.${ending}`, source: smaller });
          }
        }
      }
    },
  },
};

export default defineConfig({
  base: './',
  build: {
    assetsDir: 'playground',
    chunkSizeWarningLimit: 4000,
    // Browsers that the page is for know how to preload modules.
    modulePreload: { polyfill: false },
  },
  logLevel: 'error',
  plugins: [compressed],
  worker: { format: 'es' },
});
