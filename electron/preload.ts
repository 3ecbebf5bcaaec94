import { contextBridge, ipcRenderer } from 'electron'
import type { Bridge } from '../shared/contract.ts'
import type { Change } from '../shared/state.ts'
import { ASK_CHANNEL, CHANGE_CHANNEL } from './ipc/channels.ts'

/** All that the page gets. Checks are on the other side: this file only carries. */
const bridge: Bridge = {
  ask: (question, ask) => ipcRenderer.invoke(ASK_CHANNEL, question, ask),
  onChange(listener) {
    const heard = (_event: unknown, change: Change): void => listener(change)
    ipcRenderer.on(CHANGE_CHANNEL, heard)
    return () => void ipcRenderer.off(CHANGE_CHANNEL, heard)
  },
}

contextBridge.exposeInMainWorld('portico', bridge)
