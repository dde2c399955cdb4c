// @vitest-environment jsdom
import { describe, expect, it } from 'vitest';

import { Pacer } from '../../../extension/webview/pacer.ts';
import { Scroller } from '../../../extension/webview/scroller.ts';

describe('the pacer', () => {
  function paced(costMs: number) {
    let now = 0;
    let frames: (() => void)[] = [];
    const delays: number[] = [];
    let rendered = 0;
    const pacer = new Pacer(
      {
        now: () => now,
        frame: (callback) => frames.push(callback),
        after: (callback, delayMs) => {
          delays.push(delayMs);
          now += delayMs;
          callback();
        },
      },
      () => {
        rendered += 1;
        now += costMs;
      },
    );
    const frame = (): void => {
      const due = frames;
      frames = [];
      due.forEach((callback) => {
        callback();
      });
    };
    return { pacer, frame, delays, rendered: () => rendered };
  }

  it('renders once a frame, however often it is asked', () => {
    const { pacer, frame, rendered, delays } = paced(1);
    pacer.request();
    pacer.request();
    frame();
    frame();
    expect(rendered()).toBe(1);
    pacer.request();
    frame();
    expect(rendered()).toBe(2);
    expect(delays).toEqual([]);
  });

  it('rests after an expensive rendering', () => {
    const { pacer, frame, rendered, delays } = paced(20);
    pacer.request();
    frame();
    pacer.request();
    frame();
    expect(rendered()).toBe(2);
    expect(delays).toEqual([60]);
  });
});

describe('the scroller', () => {
  /** An area of 100 pixels, whose content is as high as the test says. */
  function scrolled() {
    const area = document.createElement('div');
    let height = 300;
    let top = 0;
    Object.defineProperties(area, {
      clientHeight: { get: () => 100 },
      scrollHeight: { get: () => height },
      scrollTop: {
        get: () => top,
        set: (value: number) => {
          top = Math.max(0, Math.min(value, height - 100));
        },
      },
    });
    const follows: boolean[] = [];
    const scroller = new Scroller(area, (value) => follows.push(value));
    const scrollTo = (value: number): void => {
      area.scrollTop = value;
      area.dispatchEvent(new Event('scroll'));
    };
    const grow = (to: number): void => {
      height = to;
      scroller.contentChanged();
    };
    return { area, scroller, follows, scrollTo, grow };
  }

  it('follows the end while the reader is there', () => {
    const { area, grow } = scrolled();
    grow(500);
    expect(area.scrollTop).toBe(400);
    area.dispatchEvent(new Event('scroll'));
    grow(700);
    expect(area.scrollTop).toBe(600);
  });

  it('stays put when the reader has scrolled up, and follows again at the end', () => {
    const { area, grow, scrollTo, follows } = scrolled();
    grow(500);
    scrollTo(100);
    grow(900);
    expect(area.scrollTop).toBe(100);
    scrollTo(790);
    grow(1_000);
    expect(area.scrollTop).toBe(900);
    expect(follows).toEqual([false, true]);
  });

  it('does not take growing content for a wish of the reader', () => {
    const { area, grow } = scrolled();
    grow(500);
    grow(2_000);
    area.dispatchEvent(new Event('scroll'));
    grow(3_000);
    expect(area.scrollTop).toBe(2_900);
  });

  it('goes back to a place, stays there, and says where the reader is', () => {
    const { area, scroller, grow, scrollTo, follows } = scrolled();
    grow(500);
    expect(scroller.place).toBeNull();
    scroller.goTo(150);
    grow(900);
    expect([area.scrollTop, scroller.place]).toEqual([150, 150]);
    scrollTo(800);
    expect(scroller.place).toBeNull();
    expect(follows).toEqual([false, true]);
  });

  it('goes to the end when it is asked to', () => {
    const { area, scroller, grow, scrollTo } = scrolled();
    grow(500);
    scrollTo(0);
    scroller.toEnd();
    expect(area.scrollTop).toBe(400);
  });
});
