/** Something that one side waits for and the other gives, once. */
export interface Signal {
  readonly given: Promise<void>;
  readonly give: () => void;
}

/** Makes a signal that nobody has given yet: tests wait for it instead of for time. */
export function signal(): Signal {
  let give = () => {};
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { given, give };
}
