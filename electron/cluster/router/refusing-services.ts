import { closeGently } from './close-gently.ts'
import { openGrpcDoor } from './grpc-door.ts'
import type { Handler } from './route.ts'

export interface RefusingServices {
  readonly handlers: Readonly<Record<'join' | 'kube-grpc' | 'ssh-grpc' | 'tcp', Handler>>
  /** Idempotent. */
  close(): void
}

/**
 * Services that Teleport has behind their names whether anybody uses them or not: what is not there is refused as it refuses it.
 * A real one takes its place by its name. [captured] wire/alpn-sni.md 1.1, 8; fixtures: grpc-doors.json
 */
export function openRefusingServices(): RefusingServices {
  const join = openGrpcDoor({ 'proto.JoinService': {} })
  const kube = openGrpcDoor({ 'teleport.kube.v1.KubeService': {} }, 'refused')
  const ssh = openGrpcDoor({})
  return {
    handlers: {
      join: join.serve,
      'kube-grpc': kube.serve,
      'ssh-grpc': ssh.serve,
      // No certificate is for an application.
      tcp: stream => closeGently(stream),
    },
    close() {
      for (const door of [join, kube, ssh]) door.close()
    },
  }
}
