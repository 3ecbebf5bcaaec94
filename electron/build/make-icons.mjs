// `node electron/build/make-icons.mjs`: icon.ico and icon.icns in assets/icons, from the PNG files there. Run after they changed.
import { readFileSync, writeFileSync } from 'node:fs'
import { inRoot } from './root.mjs'

const png = size => readFileSync(inRoot(`assets/icons/${size}x${size}.png`))

/** ICO with PNG images, as Windows Vista and newer read. learn.microsoft.com: icons, "ICONDIR" */
function ico(sizes) {
  const images = sizes.map(png)
  const header = Buffer.alloc(6 + 16 * sizes.length)
  header.writeUInt16LE(1, 2)
  header.writeUInt16LE(sizes.length, 4)
  let offset = header.length
  sizes.forEach((size, index) => {
    const at = 6 + 16 * index
    header[at] = header[at + 1] = size % 256
    header.writeUInt16LE(1, at + 4)
    header.writeUInt16LE(32, at + 6)
    header.writeUInt32LE(images[index].length, at + 8)
    header.writeUInt32LE(offset, at + 12)
    offset += images[index].length
  })
  return Buffer.concat([header, ...images])
}

/** Types of ICNS that hold a PNG, and their sizes in pixels. */
const ICNS = { icp4: 16, icp5: 32, ic07: 128, ic08: 256, ic09: 512 }

function icns() {
  const chunks = Object.entries(ICNS).map(([type, size]) => chunk(type, png(size)))
  return chunk('icns', Buffer.concat(chunks))
}

function chunk(type, body) {
  const head = Buffer.alloc(8)
  head.write(type, 'latin1')
  head.writeUInt32BE(body.length + 8, 4)
  return Buffer.concat([head, body])
}

writeFileSync(inRoot('assets/icons/icon.ico'), ico([16, 24, 32, 48, 64, 128, 256]))
writeFileSync(inRoot('assets/icons/icon.icns'), icns())
