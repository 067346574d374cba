/**
 * A process that loads this first (`node --import`) has a clock that is wrong by WAYBILL_SKEW milliseconds, and is set by
 * WAYBILL_JUMP milliseconds once the process has run for ten seconds. Only JavaScript is deceived: certificates stay valid.
 */
const skew = Number(process.env.WAYBILL_SKEW ?? 0);
const jump = Number(process.env.WAYBILL_JUMP ?? 0);
const RealDate = Date;
const now = (): number => RealDate.now() + skew + (performance.now() > 10_000 ? jump : 0);

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, wanted) => Reflect.construct(target, args.length === 0 ? [now()] : args, wanted) as Date,
  get: (target, key) => (key === 'now' ? now : Reflect.get(target, key)),
});
