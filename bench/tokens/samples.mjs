// A few sentences in many scripts, and files of this repository that people send to models.
export const FILES = {
  TypeScript: 'extension/webview/blocks.ts',
  Rust: 'crate/core/src/session/machine.rs',
  CSS: 'extension/webview/chat.css',
  JSON: 'package.json',
  'a lock file': 'Cargo.lock',
  English: 'docs/architecture.md',
  German: 'package.nls.de.json',
};

export const TEXTS = {
  French:
    'Le client lit la réponse au fur et à mesure qu’elle arrive, et affiche chaque bloc dès qu’il est complet. Lorsque la connexion est interrompue, ce qui a déjà été reçu reste visible, et l’utilisateur peut reprendre là où la réponse s’est arrêtée. Les coûts sont calculés à partir des prix que le serveur annonce.',
  Russian:
    'Клиент читает ответ по мере его поступления и показывает каждый блок, как только он завершён. Если соединение прерывается, уже полученная часть остаётся на экране, и пользователь может продолжить с того места, где ответ остановился. Стоимость рассчитывается по ценам, которые сообщает сервер.',
  Greek:
    'Ο πελάτης διαβάζει την απάντηση καθώς φτάνει και εμφανίζει κάθε τμήμα μόλις ολοκληρωθεί. Αν διακοπεί η σύνδεση, ό,τι έχει ήδη ληφθεί παραμένει ορατό, και ο χρήστης μπορεί να συνεχίσει από εκεί που σταμάτησε η απάντηση.',
  Arabic:
    'يقرأ العميل الإجابة فور وصولها ويعرض كل مقطع بمجرد اكتماله. إذا انقطع الاتصال يبقى ما وصل ظاهرًا، ويمكن للمستخدم المتابعة من حيث توقفت الإجابة. تُحسب التكلفة وفق الأسعار التي يعلنها الخادم.',
  Hindi:
    'क्लाइंट उत्तर को आते ही पढ़ता है और प्रत्येक खंड पूरा होते ही दिखाता है। यदि संपर्क टूट जाए तो जो मिल चुका है वह दिखाई देता रहता है, और उपयोगकर्ता वहीं से आगे बढ़ सकता है जहाँ उत्तर रुका था।',
  Chinese:
    '客户端在收到回答的同时逐步读取，并在每个段落完成后立即显示。如果连接中断，已经收到的内容仍然可见，用户可以从回答停止的地方继续。费用根据服务器给出的价格计算，密钥保存在系统的安全存储中，不会写入日志或设置。',
  Japanese:
    'クライアントは届いた順に回答を読み取り、各ブロックが完成するとすぐに表示します。接続が切れた場合でも、すでに受信した内容は画面に残り、ユーザーは回答が止まったところから続けることができます。料金はサーバーが示す価格から計算されます。',
  Korean:
    '클라이언트는 응답이 도착하는 대로 읽고, 각 블록이 완성되면 바로 표시합니다. 연결이 끊어져도 이미 받은 내용은 화면에 남아 있으며, 사용자는 응답이 멈춘 곳에서 계속할 수 있습니다. 비용은 서버가 알려 주는 가격으로 계산됩니다.',
  emoji: '👋🏽 Hello 🎉🎉 done ✅ next ➡️ 🚀 ship it 🐛 fixed 😀😃😄',
};
