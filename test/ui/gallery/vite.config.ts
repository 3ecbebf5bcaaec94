import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

// `npx vite --config test/ui/gallery/vite.config.ts` and open the address it prints.
export default defineConfig({
  root: new URL('.', import.meta.url).pathname,
  base: './',
  plugins: [react()],
  server: { host: '127.0.0.1', fs: { allow: [new URL('../../..', import.meta.url).pathname] } },
  build: {
    outDir: new URL('../../../test-results/gallery', import.meta.url).pathname,
    emptyOutDir: true,
    target: 'chrome130',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
})
