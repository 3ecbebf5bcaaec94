import { parentPort } from 'node:worker_threads'
import { runDataPlane } from './data-plane.ts'

/** Entry of a data-plane thread; bundled to out/engine/worker.mjs. */
runDataPlane(parentPort!)
