/** Numbers of SSH messages. RFC 4250 4.1.2, RFC 5656 7.1, RFC 8308 2.3 */
export const MESSAGE = {
  disconnect: 1,
  ignore: 2,
  unimplemented: 3,
  debug: 4,
  serviceRequest: 5,
  serviceAccept: 6,
  extInfo: 7,
  kexInit: 20,
  newKeys: 21,
  ecdhInit: 30,
  ecdhReply: 31,
  userAuthRequest: 50,
  userAuthFailure: 51,
  userAuthSuccess: 52,
  userAuthBanner: 53,
  publicKeyOk: 60,
  globalRequest: 80,
  requestSuccess: 81,
  requestFailure: 82,
  channelOpen: 90,
  channelOpenConfirmation: 91,
  channelOpenFailure: 92,
  channelWindowAdjust: 93,
  channelData: 94,
  channelExtendedData: 95,
  channelEof: 96,
  channelClose: 97,
  channelRequest: 98,
  channelSuccess: 99,
  channelFailure: 100,
} as const

/** Why a connection ends. RFC 4253 11.1 */
export const DISCONNECT = {
  protocolError: 2,
  keyExchangeFailed: 3,
  hostKeyNotVerifiable: 9,
  byApplication: 11,
  noMoreAuthMethods: 14,
} as const

/** Why a channel is not opened. RFC 4254 5.1 */
export const OPEN_REFUSED = { prohibited: 1, connectFailed: 2, unknownType: 3, shortage: 4 } as const
